# Who calls, in which account: set by the API's controllers for the length of a request.
class Current < ActiveSupport::CurrentAttributes
  attribute :user, :account, :account_user
end
