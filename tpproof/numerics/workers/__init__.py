"""Work elsewhere: recipes that travel, a Dask cluster that is there, processes here, a journal of what is done."""
