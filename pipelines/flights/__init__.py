"""Will a flight arrive more than 15 minutes late? Real data, New York's flights of 2013."""
