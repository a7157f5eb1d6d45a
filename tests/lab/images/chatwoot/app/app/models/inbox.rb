# A mailbox of an account, on top of a channel (facts 7).
class Inbox < ApplicationRecord
  include EventDispatching

  belongs_to :account
  belongs_to :channel, polymorphic: true, dependent: :destroy
  has_many :inbox_members, dependent: :destroy
  has_many :members, through: :inbox_members, source: :user

  validates :name, presence: true
end
