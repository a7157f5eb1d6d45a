# An owner of a platform token (facts 7). The Platform API itself is not part of the double.
class PlatformApp < ApplicationRecord
  include AccessTokenable
  validates :name, presence: true
end
