# Base of all jobs. They run in Sidekiq only: without a worker nothing happens, and /api still says ok (facts 8).
class ApplicationJob < ActiveJob::Base
  discard_on ActiveJob::DeserializationError
  # As a request does: one connection for the whole of it.
  before_perform { ActiveRecord::Base.lease_connection }
end
