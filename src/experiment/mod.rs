//! Experiments that confirm or refute a verdict: which arms, in which order, and when enough is known.
