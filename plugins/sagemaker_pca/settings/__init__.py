"""Every setting once: its default, range, help, who may give it, what it decides; and the trigger form made of them."""
