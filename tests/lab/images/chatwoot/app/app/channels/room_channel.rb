# A user's live feed, opened with the user's pubsub_token.
class RoomChannel < ApplicationCable::Channel
  def subscribed
    user = User.find_by(pubsub_token: params[:pubsub_token].presence)
    user ? stream_from(user.pubsub_token) : reject
  end
end
