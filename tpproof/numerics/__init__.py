"""Expectations → numbers with error bars."""
