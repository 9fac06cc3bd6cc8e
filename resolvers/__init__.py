"""How the schema is answered: resolvers, dataloaders, paging, the mutation and errors."""
