"""The bounds that an Experiment keeps to, by name.  A message that refuses a value states the bound from here."""

TEXT_CHARACTERS = 20_000
SENTENCES = 200
STEPS = 512
VOCABULARY = 2_000
LAYERS = 4
HIDDEN = 256
EMBEDDING = 256
GAIN = 10.0
FORGET_BIAS = 10.0
SMALLEST_THRESHOLD = 1e-6
LARGEST_THRESHOLD = 1e6
SMALLEST_RATE = 1e-6
LARGEST_RATE = 10.0
SEED = 2**31 - 1

LAG_STEPS = 512
"""The lag matrix is computed for at most this many last steps."""

CHECKPOINT_BYTES = 64 * 2**20
"""The largest checkpoint that is read from a file."""

GENERATED_TOKENS = 200
TEMPERATURE = 10.0
