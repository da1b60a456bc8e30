"""The bounds that an Experiment keeps to, by name.  A message that refuses a value states the bound from here."""

TEXT_CHARACTERS = 20_000
SENTENCES = 200
STEPS = 512
VOCABULARY = 2_000
LAYERS = 4
HIDDEN = 256
HEADS = 8
EMBEDDING = 256
GAIN = 10.0
FORGET_BIAS = 10.0
SMALLEST_THRESHOLD = 1e-6
LARGEST_THRESHOLD = 1e6
SMALLEST_RATE = 1e-6
LARGEST_RATE = 10.0
SEED = 2**31 - 1

FEWEST_POINTS = 20
SERIES_POINTS = 2_000
SERIES_COLUMNS = 8
FEWEST_TRAINED = 10
"""Points that the training part of a series has at least."""
LARGEST_VALUE = 1e15
"""Of a series: squares of such values, added up, are still far from the largest number."""
VALUES_CHARACTERS = 20_000
CSV_BYTES = 2**20
CSV_COLUMNS = 100
SEASON = 400
HORIZON = 100
NOISE = 10.0

ITEMS = 50
EXAMPLES = 20_000
DRAWN_STEPS = 2**20
"""Of all drawn sequences together."""
EXAMINED = 500
EXAMINED_STEPS = 25_000
"""Sequences of an examination, and their steps: an examination costs little beside the updates between two of them."""
EXAMINED_STATES = 2**21
"""Numbers in the states of the sequences that are examined at a time; a few dozen arrays of that size are held."""
SHOWN = 24
"""Of the drawn sequences, those that can be looked at."""

MEASURED_ITERATIONS = 2_000
"""Of one network of the error against K; there are up to twenty K."""
MEASURED_SEEDS = 10

LAG_STEPS = 512
"""The lag matrix is computed for at most this many last steps."""
ATTENDED_LAG_STEPS = 128
"""The same where there is attention, whose ways from every loss to every state are walked one by one."""
ATTENTION_WEIGHTS = 2**22
"""Heads times steps times steps times sequences, the numbers of one pass's attention; a dozen arrays of that size are held at a time."""

CHECKPOINT_BYTES = 64 * 2**20
"""The largest checkpoint that is read from a file."""

RECORDING_BYTES = 32 * 2**20
"""The largest recording of a training loop that is written, and that is read from a file."""
RECORDING_WORDS = 4 * 2**20
"""Bytes of a recording's header: labels and names, which take many times as much once they are read."""
RECORDED_ITERATIONS = 1_000
"""Of a recording: iterations that carry a Trace."""
HISTORY_POINTS = 20_000
"""Of a recording: iterations of which loss and norms are kept; of a longer training every second, every fourth, ..."""

GENERATED_TOKENS = 200
TEMPERATURE = 10.0
