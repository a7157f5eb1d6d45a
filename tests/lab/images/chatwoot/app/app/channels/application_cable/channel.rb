# Base of the websocket channels.
class ApplicationCable::Channel < ActionCable::Channel::Base
end
