"""What goes onto paper and screens and comes back from them: QR codes, printed pages, signed PDFs. Knows no database and no clock."""
