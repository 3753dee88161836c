"""How likely chance alone brings so many marks together."""

from __future__ import annotations

import math

FALSE_ALARMS = 1e-3  # patterns of one kind that are named on a face whose marks lie by chance, on average at most
IN_WORDS = "by chance on fewer than 1 of 1000 faces"


def log_tail(count: int, of: int, share: float) -> float:
    """Upper bound of the logarithm of how likely at least `count` of `of` marks fall where each does with `share`.

    W. Hoeffding, "Probability Inequalities for Sums of Bounded Random Variables", J. Am. Stat. Assoc. 58 (1963),
    DOI 10.1080/01621459.1963.10500830, theorem 1: it holds for shares that differ from mark to mark, of which `share`
    is the mean, and (section 6) for marks drawn without putting them back.
    """
    if of == 0 or share >= 1.0 or count <= share * of:
        return 0.0
    if share <= 0.0:
        return -math.inf
    found = count / of
    missed = (1 - found) * math.log((1 - found) / (1 - share)) if found < 1 else 0.0
    return -of * (found * math.log(found / share) + missed)


def is_chance(log_likely: float, tests: float) -> bool:
    """Whether something of that likelihood must be expected among so many that were looked at.

    The number of false alarms of A. Desolneux, L. Moisan, J.-M. Morel, "Meaningful Alignments", Int. J. Computer
    Vision 40 (2000), DOI 10.1023/A:1026593302236.
    """
    return math.log(max(tests, 1.0)) + log_likely > math.log(FALSE_ALARMS)
