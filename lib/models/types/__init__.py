"""Types of tasks (Vu et al. 2020: classes), one module each: what training, prediction and judging ask of a task."""
