"""Who the customer is, what was ordered, how the relation stands, which day it is."""
