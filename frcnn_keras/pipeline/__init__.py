"""All the stages one after another in one process: from a data set to a scored detector."""
