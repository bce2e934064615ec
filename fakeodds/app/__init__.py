"""The page in the browser, `fakeodds app`: one video to its answer, the report, score files."""
