"""The only callers of AWS, and what its errors mean."""
