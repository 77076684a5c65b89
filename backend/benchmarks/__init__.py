"""The performance harness: limit, idiomatic and served variants on one database in one run."""
