"""The project's tests; a package, so that no other installed package named tests is found instead."""
