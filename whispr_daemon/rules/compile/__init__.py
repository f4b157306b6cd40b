"""Typed trees to generated step functions."""
