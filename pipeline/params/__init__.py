"""params.yaml as frozen, validated values: one class per section; everything downstream trusts them.

This room decides no byte of any artifact: DVC compares the values themselves, and the code here only refuses bad ones.
"""

from pipeline.params.sections import (
    BALANCE_STRATEGIES,
    STRATEGIES,
    Audio,
    BalanceStrategy,
    Corpus,
    Demo,
    Detection,
    Mfcc,
    Model,
    Params,
    Section,
    Sequence,
    Silence,
    Split,
    Strategy,
    Train,
    choose,
    load,
    sentence,
)

__all__ = [
    "BALANCE_STRATEGIES",
    "STRATEGIES",
    "Audio",
    "BalanceStrategy",
    "Corpus",
    "Demo",
    "Detection",
    "Mfcc",
    "Model",
    "Params",
    "Section",
    "Sequence",
    "Silence",
    "Split",
    "Strategy",
    "Train",
    "choose",
    "load",
    "sentence",
]
