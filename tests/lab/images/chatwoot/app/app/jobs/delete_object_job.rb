# Deletes what the API only promises to delete: inboxes, and users without an account.
class DeleteObjectJob < ApplicationJob
  queue_as :low

  def perform(record)
    record.destroy!
  end
end
