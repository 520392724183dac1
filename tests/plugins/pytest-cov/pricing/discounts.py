def discount(price, kind):
    if kind == "member":
        return price * 0.9
    if kind == "sale":
        return price * 0.5
    if kind == "staff":
        rate = 0.7
        return price * rate
    return price
