"""File and wire formats of the built-in algorithms: MXNet NDArray files and RecordIO-protobuf; NumPy only."""
