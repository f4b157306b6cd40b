"""Functions the language has and this version does not evaluate: they are refused as such."""

from typing import Final

_NAMES: Final = """
adx all_true any_true bars_since bb between cci ceil change clamp compressed count count_true
crossover crossunder di_minus di_plus donchian emitted exp falling floor forming highest hma if
keltner log lowest macd mfi mod mom na nz obv pct_change po rising roc round sign since sqrt stdev
stoch supertrend sym_ok touch touch_new value_when vwap vwma wma
"""
LATER_FUNCTIONS: Final = frozenset(_NAMES.split())
