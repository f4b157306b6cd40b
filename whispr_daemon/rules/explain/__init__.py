"""Why a clause fired, was held back or stayed silent: its evaluated tree, in words and as data."""
