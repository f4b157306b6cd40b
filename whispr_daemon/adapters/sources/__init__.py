"""Where market events come from: files, the simulated market, and the pace they are told at."""
