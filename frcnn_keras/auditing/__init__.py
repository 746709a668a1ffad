"""Which labels are wrong: detections of images that their detector did not train on, held against what is labelled."""
