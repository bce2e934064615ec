"""Many scores in, one logit out: the meta-learners."""
