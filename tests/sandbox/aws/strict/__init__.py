"""Classic ELB as strict as the API reference: pure rules, and moto's classes that follow them."""
