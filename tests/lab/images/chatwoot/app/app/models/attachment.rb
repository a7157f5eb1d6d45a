# A file of a message, kept by Active Storage. Its data_url is on FRONTEND_URL and redirects, so who fetches it must
# be able to resolve the public name (facts 8).
class Attachment < ApplicationRecord
  belongs_to :account
  belongs_to :message
  has_one_attached :file

  enum :file_type, { image: 0, audio: 1, video: 2, file: 3, location: 4, fallback: 5 }, prefix: true

  def self.kind_of(content_type)
    %w[image audio video].find { |kind| content_type.to_s.start_with?("#{kind}/") } || 'file'
  end

  def push_event_data
    url = Rails.application.routes.url_helpers.rails_storage_redirect_url(file)
    { id: id, message_id: message_id, file_type: file_type, account_id: account_id, extension: extension, data_url: url,
      thumb_url: file_type_image? ? url : '', file_size: file.byte_size, width: nil, height: nil }
  end
end
