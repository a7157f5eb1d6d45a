# Base of all jobs. They run in Sidekiq only: without a worker nothing happens, and /api still says ok (facts 8).
class ApplicationJob < ActiveJob::Base
  discard_on ActiveJob::DeserializationError
end
