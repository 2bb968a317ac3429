"""Example 1 of the WGAN paper (two parallel segments) and the theorems of Arjovsky and Bottou."""

from wdist_bench.studies.example1.bounds import Example1Bounds
from wdist_bench.studies.example1.convergence import Example1Convergence
from wdist_bench.studies.example1.critic import Example1Critic
from wdist_bench.studies.example1.descent import Example1Descent
from wdist_bench.studies.example1.discriminator import Example1Discriminator
from wdist_bench.studies.example1.identity import Example1Identity
from wdist_bench.studies.example1.instability import Example1Instability
from wdist_bench.studies.example1.noise import Example1Noise

__all__ = [
    "Example1Bounds",
    "Example1Convergence",
    "Example1Critic",
    "Example1Descent",
    "Example1Discriminator",
    "Example1Identity",
    "Example1Instability",
    "Example1Noise",
]
