# A label that agents may put on conversations. Trap: the title is stored in lower case and may hold letters, digits,
# "-" and "_" only, no spaces; it has at least two characters.
class Label < ApplicationRecord
  belongs_to :account

  before_validation -> { self.title = title.downcase if title }
  validates :title, presence: true, format: { with: /\A[\p{L}\p{N}][\p{L}\p{N}_-]+\z/ }, uniqueness: { scope: :account_id }
end
