"""What measured processes run: each program is one side of a comparison."""
