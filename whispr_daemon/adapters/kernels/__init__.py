"""Kernels of the rules, compiled by numba: in a process of their own, kept in a private folder."""
