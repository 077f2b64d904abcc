"""The stages of the study, one file a stage; `python -m pipeline` lists them."""
