"""What one run is made of: plan, names, S3 locations, requests, and what makes two runs the same. Pure."""
