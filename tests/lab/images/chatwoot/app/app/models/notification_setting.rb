# What a user is told of in an account. The double keeps the row and sends nothing.
class NotificationSetting < ApplicationRecord
  belongs_to :account
  belongs_to :user
end
