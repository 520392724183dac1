"""What pnl says of a lab, beside the truth. Pure, but for `laboratory`, which runs pnl."""
