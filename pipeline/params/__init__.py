"""Parameters: params.yaml as frozen, validated values that everything downstream trusts.

This room affects no artifact: DVC compares the values themselves, and the code here only rejects bad ones.
"""

from pipeline.params.leaves import all_leaves, only
from pipeline.params.mistakes import choose, first_mistake
from pipeline.params.sections import (
    BALANCE_STRATEGIES,
    SILENCE_STRATEGIES,
    Audio,
    Augment,
    BalanceStrategy,
    Cell,
    Channels,
    Checks,
    Cmvn,
    Corpus,
    Demo,
    Detection,
    Layout,
    Mean,
    Mfcc,
    Model,
    Section,
    Silence,
    SilenceStrategy,
    Source,
    Speakers,
    Split,
    SplitMethod,
    Train,
)
from pipeline.params.whole import Params, check, load

__all__ = [
    "BALANCE_STRATEGIES",
    "SILENCE_STRATEGIES",
    "Audio",
    "Augment",
    "BalanceStrategy",
    "Cell",
    "Channels",
    "Checks",
    "Cmvn",
    "Corpus",
    "Demo",
    "Detection",
    "Layout",
    "Mean",
    "Mfcc",
    "Model",
    "Params",
    "Section",
    "Silence",
    "SilenceStrategy",
    "Source",
    "Speakers",
    "Split",
    "SplitMethod",
    "Train",
    "all_leaves",
    "check",
    "choose",
    "first_mistake",
    "load",
    "only",
]
