"""Parameters: params.yaml as frozen, validated values that everything downstream trusts.

This room affects no artifact: DVC compares the values themselves, and the code here only rejects bad ones.
"""

from pipeline.params.mistakes import choose as choose
from pipeline.params.mistakes import first_mistake as first_mistake
from pipeline.params.sections import Audio as Audio
from pipeline.params.sections import Augment as Augment
from pipeline.params.sections import BalanceStrategy as BalanceStrategy
from pipeline.params.sections import Cell as Cell
from pipeline.params.sections import Checks as Checks
from pipeline.params.sections import Corpus as Corpus
from pipeline.params.sections import Demo as Demo
from pipeline.params.sections import Detection as Detection
from pipeline.params.sections import Layout as Layout
from pipeline.params.sections import Mean as Mean
from pipeline.params.sections import Mfcc as Mfcc
from pipeline.params.sections import Model as Model
from pipeline.params.sections import Section as Section
from pipeline.params.sections import Silence as Silence
from pipeline.params.sections import SilenceStrategy as SilenceStrategy
from pipeline.params.sections import Source as Source
from pipeline.params.sections import Split as Split
from pipeline.params.sections import SplitMethod as SplitMethod
from pipeline.params.sections import Train as Train
from pipeline.params.whole import Params as Params
from pipeline.params.whole import all_leaves as all_leaves
from pipeline.params.whole import check as check
from pipeline.params.whole import load as load
from pipeline.params.whole import only as only
