# A help-centre site. Here only so that requests for foreign hosts ask the database, as upstream's do (facts 3).
class Portal < ApplicationRecord
  belongs_to :account
end
