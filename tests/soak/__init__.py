"""`make soak`: runs of the pipeline at random, disturbed at random, and what must hold whatever happened.

plan          what is done in a round, drawn from the seed                              pure
disturbances  does it
facts         looks at what the runs of a round have left
invariants    what must hold of it                                                      pure
terminal      one line for each thing that happens, and the table at the end
"""
