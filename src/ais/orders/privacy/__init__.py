"""What becomes of the persons of orders: old rows are sealed, a person's data is exported, a person is erased.

Erasing destroys the data keys of persons and removes the hashes by which they were found. The order stays with its
flights, prices, payments, documents and history; the ticket keeps the name that the law wants kept.
"""
