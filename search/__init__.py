"""Which trials run, and what came of them: the study, the sampler, the scheduler, the tracking."""
