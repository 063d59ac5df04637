"""The commands behind the Makefile: try the pipeline on this machine, without an AWS account."""
