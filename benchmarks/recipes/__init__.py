"""Which recipe is better: paired, grouped cross-validation of all that was considered."""
