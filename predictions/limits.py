"""How much is read of one file, so that no file takes all memory or time of a machine.

Generous: 15 million frame scores (about 1 GB of CSV) are within all of them. What is beyond is
refused with a sentence, before it is unpacked or parsed.
"""

#: Bytes of a table as text, unpacked.
TABLE_BYTES = 2 << 30
#: Rows of a table, cells of a row, and both together.
TABLE_ROWS, TABLE_COLUMNS, TABLE_CELLS = 30_000_000, 10_000, 300_000_000
#: Cells of a row behind the last column, which must be empty.
SURPLUS_CELLS = 1_000
#: Text packs to a tenth or so. What packs to a hundredth is made to fill memory; the first bytes go
#: free, as small tables may well hold the same cell throughout.
PACKED_TIMES, PACKED_FREE = 100, 64 << 20
#: Bytes within which the first line of a table ends.
HEADER_BYTES = 4 << 20
#: Bytes of what a Parquet file says of itself (1,000 columns in 60 groups of rows: about 6 MB), and
#: of its columns without compression.
PARQUET_FOOTER, PARQUET_BYTES = 64 << 20, 4 << 30
#: Bytes of a JSON file.
JSON_BYTES = 64 << 20
