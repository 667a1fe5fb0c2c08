"""The trained line models of boilerplate removal: weights, their card, how they run and how they were trained."""
