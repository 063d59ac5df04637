"""The pandas way from a recording to features: `python pandas_features.py RECORDING FEATURES COLUMN ...`."""

import sys

import pandas as pd  # type: ignore[import-untyped]

recording, features, *columns = sys.argv[1:]
table = pd.read_csv(recording)
table[columns].fillna(0).astype("float32").to_csv(features, header=False, index=False)
