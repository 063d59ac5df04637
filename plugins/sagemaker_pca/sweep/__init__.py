"""Which endpoints, configurations and models may go, and how: decisions on top of an `Estate`, without AWS in them.

To be read in this order: `command_config` (what is asked for), `estate` (what there is), `selection` (the rules),
`survey` (rules applied, cheapest facts first), `deletion_plan` (chains and caps), `deletion` (carried out, each state
looked at again), `deletion_report`, `table`.
"""
